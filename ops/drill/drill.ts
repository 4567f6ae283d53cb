// ops/drill/drill.ts: one drill: acknowledged orders, a loss, what an operator sees of it, the recovery of docs/recovery.md, and what is there afterwards.

import { createAcknowledgedOrders, type Stock, type Tally } from './acknowledged-orders.ts';
import { type Caller, createCaller } from './caller.ts';
import { createDrillStack, type DrillStack, type DrillStackOptions } from './drill-stack.ts';

export interface DrillCase {
  name: string;
  /** What is lost. */
  loss: string;
  /** The heading of its section in docs/recovery.md, as an anchor. */
  section: string;
  env?: Record<string, string>;
  database?: DrillStackOptions['database'];
  /** Before the orders that are open when it happens: a backup, a standby. */
  prepare?: (stack: DrillStack) => Promise<void>;
  /** Breaks it. Everything runs, and need not afterwards. */
  fault: (stack: DrillStack) => Promise<void>;
  /** The sentence by which an operator knows it; null: nothing is to be seen, and nothing to be done. */
  sees: RegExp | null;
  /** The commands of the section. All roles are to be started, or to start by themselves, when it resolves. */
  recover: (stack: DrillStack, caller: Caller) => Promise<void>;
  /** Why acknowledged orders may be gone for good; null: none is. */
  lostForGood: string | null;
}

export interface DrillReport {
  name: string;
  seen: string | null;
  before: Tally;
  after: Tally;
  stockBefore: Stock | null;
  stockAfter: Stock | null;
  /** Acknowledged orders that are not there any more. */
  lost: number;
  lostForGood: string | null;
  /** `verify` found no difference. */
  agrees: boolean;
  /** From the fault to the completion of an order that was submitted as soon as the service took one. */
  secondsUntilNextOrder: number;
}

export type DrillOptions = Pick<DrillStackOptions, 'say' | 'machine'>;

// Enough for every partition of the topic to have some; so few that a drill is about the recovery.
const CLOSED_ORDERS = 60;
const OPEN_ORDERS = 20;
const PROCESSING_TIME_MS = '1500'; // they are still open when the fault comes

/** Rejects when the case does not go as its section says; the data is deleted in any case. */
export const runDrill = async (drill: DrillCase, { say, machine }: DrillOptions): Promise<DrillReport> => {
  const stack = await createDrillStack({
    say,
    machine,
    env: { PROCESSING_TIME_MS, ...drill.env },
    ...(drill.database && { database: drill.database }),
  });
  const caller = createCaller();
  const orders = createAcknowledgedOrders(caller.headers);
  try {
    say(`${drill.name}: ${drill.loss}`);
    say('starting a stack of its own …');
    stack.begin();
    let api = await stack.ready();
    if (drill.env?.AUTH === 'required') {
      await caller.create(stack);
      await caller.signIn(api);
    }
    await orders.begin(api);
    await orders.submit(api, CLOSED_ORDERS);
    await orders.settled(api);
    await orders.untilListed(api);
    await drill.prepare?.(stack);
    api = await stack.ready();
    await orders.submit(api, OPEN_ORDERS);
    const before = await orders.tally(api);
    const stockBefore = await orders.stock(api);
    say(`before: ${sentenceOf(before, stockBefore)}`);
    const faultAt = performance.now();

    stack.forgetSaid();
    await drill.fault(stack);
    let seen: string | null = null;
    if (drill.sees !== null) {
      seen = await stack.sees(drill.sees, caller.sees);
      say(`what you see: ${seen}`);
    }
    say(`what you do (docs/recovery.md#${drill.section}):`);
    await drill.recover(stack, caller);
    api = await stack.ready();
    await orders.nextOrder(api);
    const secondsUntilNextOrder = (performance.now() - faultAt) / 1000;
    const after = await orders.settled(api);
    const { code } = await stack.orders(['verify']);
    const lost = after.acknowledged - after.there;
    const stockAfter = await orders.stock(api);
    say(`after: ${sentenceOf(after, stockAfter)}`);
    say(`the next order was completed ${secondsUntilNextOrder.toFixed(1)} s after the fault`);
    if (lost > 0) say(`${lost} are lost for good: ${drill.lostForGood ?? 'they should not be'}`);
    return {
      name: drill.name,
      seen,
      before,
      after,
      stockBefore,
      stockAfter,
      lost,
      lostForGood: drill.lostForGood,
      agrees: code === 0,
      secondsUntilNextOrder,
    };
  } finally {
    await stack.remove();
  }
};

const sentenceOf = ({ acknowledged, there, completed, otherwiseClosed }: Tally, stock: Stock | null): string =>
  `${acknowledged} orders acknowledged, ${there} there: ${completed} completed, ${otherwiseClosed} rejected or cancelled, ${there - completed - otherwiseClosed} open; ${stockSentence(stock)}`;

const stockSentence = (stock: Stock | null): string =>
  stock === null
    ? 'the product is not known'
    : `of the product ${stock.stock} on hand, ${stock.reserved} reserved, ${stock.sold} sold, ${stock.oversold} oversold`;

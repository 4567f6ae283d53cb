// processor/ledger/postgres-ledger.ts: the stock ledger in PostgreSQL.
// It loads under locks, lets the pure parts compute (stock.ts, product-requests.ts), and writes, all in one fenced transaction. It decides
// nothing.

import { arrayParameter, columnParameters, int4, text } from '../../shared/postgres/binary.ts';
import type { Client, Database, Row } from '../../shared/postgres/database.ts';
import { databaseError } from '../../shared/postgres/errors.ts';
import type { RequestRow } from '../../shared/postgres/tables/ledger-rows.ts';
import type { ProductEvent } from '../../shared/product/events.ts';
import { createFences, type FenceRow, type FenceStep } from './fences.ts';
import type { CarriedOrder, Claim, CommittedOffsets, Ledger, ReadMark, StartMove, StockStep } from './ledger.ts';
import { LedgerWentBack } from './ledger-went-back.ts';
import { areTaken, overtaken, type ProductMoves, type ProductState, type Stamp, takeProductEvents } from './products/product-requests.ts';
import {
  answerOf,
  CARRIED_FIELDS,
  type CarriedRow,
  carriedOf,
  type LedgerProductRow,
  PRODUCT_FIELDS,
  productOf,
  REQUEST_FIELDS,
  RESERVATION_FIELDS,
  type ReservationRow,
  reservationOf,
} from './rows.ts';
import {
  ADD_UNKNOWN,
  CLAIM,
  COUNT_OVERSOLD,
  DROP_CARRIED,
  INSERT_REQUESTS,
  LOCK_PRODUCTS,
  LOCK_RESERVATIONS,
  LOCK_STOCK,
  MARK_DELIVERED,
  READ_CARRIED,
  READ_DECISIONS,
  READ_OUTBOX,
  READ_OUTBOX_OF,
  REWRITE_REQUESTS,
  STOCK_FIELDS,
  STORE_CARRIED,
  WRITE_PRODUCTS,
  WRITE_STOCK,
} from './statements.ts';
import { moveStock, type ProductStock, type Reservation, type StockMoves } from './stock.ts';
import { isBehindCopies, lostDecision, markWentBack, readStarts } from './went-back.ts';

/**
 * Settings for the ledger's connections. Statements go by primary key; a plan that reads the whole of a small table would be kept
 * while the table grows. A decision must be on disk before its fact is in the log, so commits wait for the disk.
 */
export const LEDGER_SETTINGS = { enable_seqscan: 'off', enable_hashjoin: 'off', enable_mergejoin: 'off' } as const;

/** The database's schema is the ledger, migrated. One per process: it remembers what this process owns. */
export const createPostgresLedger = (database: Database, stamp: Stamp): Ledger => {
  const fences = createFences(database);

  const claim: Ledger['claim'] = (topic, partitions, committed) =>
    fences.inTurn(async () => {
      try {
        const claimed = await database.transaction<Claim>(async (client) => {
          const refused = await refusal(client, committed);
          if (refused) return { ok: false, reason: refused };
          const { rows } = await client.query<ClaimedRow & Row>(CLAIM, [topic, arrayParameter(int4, partitions)]);
          // After the fence: no other process stores or drops any more.
          const carried = await readCarried(client, topic, partitions);
          fences.set(topic, rows);
          const starts = rows.map((row) => [row.partition, { ...startOf(row), carried: carried.get(row.partition) ?? [] }] as const);
          return { ok: true, starts: new Map(starts) };
        });
        if (!claimed.ok && claimed.reason === 'went-back') await noteBehindCopies(database, committed);
        return claimed;
      } catch (error) {
        throw databaseError(error);
      }
    });

  const read = async <R>(statement: string, values: unknown[]): Promise<R[]> => {
    try {
      return (await database.query<R & Row>(statement, values)).rows;
    } catch (error) {
      throw databaseError(error);
    }
  };

  return {
    claim,
    forget: fences.forget,
    confirm: (topic, partitions) =>
      fences.transaction(topic, new Map(partitions.map((partition) => [partition, { next: null, mark: null }])), async () => {}),
    moveStarts: (topic, starts) => {
      const partitions = new Map(Array.from(starts, ([partition, start]) => [partition, { next: start, mark: start.mark ?? null }]));
      return fences.transaction(topic, partitions, (client) => writeCarried(client, topic, starts));
    },
    moveStock: (topic, steps, marks) => {
      const partitions = new Map<number, FenceStep>();
      for (const { partition } of steps) partitions.set(partition, { next: null, mark: marks?.get(partition) ?? null });
      return fences.transaction(topic, partitions, async (client) => {
        const found = await lockStock(client, steps);
        const lost = lostDecision(steps, found.reservations);
        if (lost !== null) throw new LedgerWentBack(`the log has the order ${lost} in processing, the ledger has nothing reserved for it`);
        const moves = moveStock(found, steps);
        await writeStock(client, moves);
        return moves.decisions;
      });
    },
    takeProductEvents: ({ topic, partition }, events, end) =>
      fences.transaction(topic, new Map([[partition, { next: end, mark: end.mark ?? null }]]), async (client) => {
        if (areTaken(fences.startOf({ topic, partition }), end.offset) || events.length === 0) return { answers: [], delivered: [] };
        const moves = takeProductEvents(await lockProducts(client, partition, events), events, stamp);
        await writeProducts(client, partition, moves);
        return { answers: moves.toAppend, delivered: moves.delivered };
      }),
    undeliveredAnswers: async (partition) => (await read<RequestRow>(READ_OUTBOX, [partition])).map(answerOf),
    oversoldProducts: async () => (await read<{ count: number }>(COUNT_OVERSOLD, []))[0]!.count,
    stampOf: fences.stampOf,
  };
};

type ClaimedRow = FenceRow & { note: string | null; topic_id: string | null; read_offset: number | null; last_event_id: string | null };

const startOf = ({ start_offset: offset, note, topic_id: topicId, read_offset: read, last_event_id: lastEventId }: ClaimedRow) => {
  const mark: ReadMark | null = read === null ? null : { nextOffset: read, topicId, lastEventId };
  return { offset, note, mark };
};

const noteBehindCopies = (database: Database, committed: CommittedOffsets): Promise<void> =>
  database.transaction((client) => markWentBack(client, async () => isBehindCopies(await readStarts(client), committed)));

/** FOR SHARE: a rebuild that takes the mark away waits for the claim, and the claim for the rebuild. */
const refusal = async (client: Client, committed: CommittedOffsets): Promise<'incomplete' | 'went-back' | null> => {
  const { rows: marks } = await client.query<{ complete: boolean; went_back: boolean }>('SELECT complete, went_back FROM ledger FOR SHARE');
  if (marks[0]?.went_back) return 'went-back';
  if (marks[0]?.complete !== true) return 'incomplete';
  if (isBehindCopies(await readStarts(client), committed)) return 'went-back';
  return null;
};

const readCarried = async (client: Client, topic: string, partitions: readonly number[]): Promise<Map<number, CarriedOrder[]>> => {
  const { rows } = await client.query<CarriedRow & Row>(READ_CARRIED, [topic, arrayParameter(int4, partitions)]);
  const carried = new Map<number, CarriedOrder[]>();
  for (const row of rows) carried.set(row.partition, [...(carried.get(row.partition) ?? []), carriedOf(row)]);
  return carried;
};

const writeCarried = async (client: Client, topic: string, starts: ReadonlyMap<number, StartMove>): Promise<void> => {
  const moves = [...starts];
  const stored = moves.flatMap(([partition, { store = [] }]) => store.map((carried) => ({ partition, carried })));
  const dropped = moves.flatMap(([, { drop = [] }]) => drop);
  if (stored.length > 0) {
    await client.query({ name: 'store-carried', text: STORE_CARRIED, values: [topic, ...columnParameters(CARRIED_FIELDS, stored)] });
  }
  if (dropped.length > 0) {
    await client.query({ name: 'drop-carried', text: DROP_CARRIED, values: [topic, arrayParameter(text, dropped)] });
  }
};

const lockStock = async (client: Client, steps: readonly StockStep[]) => {
  const reservations = new Map<string, Reservation>();
  const orderIds = [...new Set(steps.map(({ orderId }) => orderId))];
  const found = await client.query<ReservationRow & Row>(prepared('lock-reservations', LOCK_RESERVATIONS, orderIds));
  for (const row of found.rows) reservations.set(row.order_id, reservationOf(row));

  const products = new Map<string, ProductStock>();
  const concerned = new Set<string>();
  for (const { lines } of steps) for (const line of lines) concerned.add(line.product_id);
  for (const { state, lines } of reservations.values()) if (state === 'held') for (const line of lines) concerned.add(line.product_id);
  const lock = async (ids: readonly string[]): Promise<void> => {
    if (ids.length === 0) return;
    const locked = await client.query<StockRow & Row>(prepared('lock-stock', LOCK_STOCK, ids));
    for (const row of locked.rows) products.set(row.product_id, stockOf(row));
  };
  await lock([...concerned]);
  // The log says that an order holds units of a product that it has not created, or not yet as far as it was read: its counts need a row.
  const held = steps.flatMap((step) => (step.do === 'hold' ? step.lines : []));
  const unknown = [...new Set(held.map(({ product_id: id }) => id))].filter((id) => !products.has(id));
  if (unknown.length > 0) await client.query(prepared('add-unknown', ADD_UNKNOWN, unknown));
  await lock(unknown);
  return { reservations, products };
};

interface StockRow {
  product_id: string;
  is_created: boolean;
  put_in: number;
  coming: number;
  reserved: number;
  sold: number;
}

const stockOf = ({ is_created: isCreated, put_in: putIn, coming, reserved, sold }: StockRow): ProductStock => ({
  isCreated,
  putIn,
  coming,
  reserved,
  sold,
});

const writeStock = async (client: Client, { reservations, products }: StockMoves): Promise<void> => {
  if (reservations.size === 0) return;
  const values = [...columnParameters(RESERVATION_FIELDS, [...reservations]), ...columnParameters(STOCK_FIELDS, [...products])];
  await client.query({ name: 'write-stock', text: WRITE_STOCK, values });
};

const lockProducts = async (client: Client, partition: number, events: readonly ProductEvent[]): Promise<ProductState> => {
  const ids = [...new Set(events.map(({ productId }) => productId))];
  const products = await client.query<LedgerProductRow & Row>(prepared('lock-products', LOCK_PRODUCTS, ids));
  const requestIds = events.flatMap((event) => (event.kind === 'request' ? event.id : (event.causationId ?? [])));
  const decisions = await client.query<{ request_id: string; delivered: boolean; event_id: string }>(
    prepared('read-decisions', READ_DECISIONS, [...new Set(requestIds)]),
  );
  const state = {
    products: new Map(products.rows.map((row) => [row.product_id, productOf(row)])),
    decisions: new Map(decisions.rows.map((row) => [row.request_id, { delivered: row.delivered, eventId: row.event_id }])),
  };
  const behind = overtaken(state, events);
  if (behind.length === 0) return { ...state, outbox: [] };
  const { rows } = await client.query<RequestRow & Row>(READ_OUTBOX_OF, [partition, arrayParameter(text, behind)]);
  return { ...state, outbox: rows.map(answerOf) };
};

const writeProducts = async (client: Client, partition: number, moves: ProductMoves): Promise<void> => {
  const { products, added, rewritten, delivered } = moves;
  if (products.size > 0) {
    const values = columnParameters(PRODUCT_FIELDS, [...products.values()]);
    await client.query({ name: 'write-products', text: WRITE_PRODUCTS, values });
  }
  const rowsOf = (answers: ProductMoves['added']) =>
    columnParameters(
      REQUEST_FIELDS,
      answers.map((each) => ({ ...each, partition })),
    );
  if (added.length > 0) await client.query({ name: 'insert-requests', text: INSERT_REQUESTS, values: rowsOf(added) });
  if (rewritten.length > 0) await client.query({ name: 'rewrite-requests', text: REWRITE_REQUESTS, values: rowsOf(rewritten) });
  if (delivered.length > 0) await client.query(prepared('mark-delivered', MARK_DELIVERED, delivered));
};

const prepared = (name: string, statement: string, ids: readonly string[]) => ({
  name,
  text: statement,
  values: [arrayParameter(text, ids)],
});

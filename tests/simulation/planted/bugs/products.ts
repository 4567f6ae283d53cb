// tests/simulation/planted/bugs/products.ts: bugs in how requests about products are decided, remembered and delivered.

import type { Bug } from '../bug.ts';

export const PRODUCT_BUGS: readonly Bug[] = [
  {
    name: 'verdict-not-remembered',
    rule: 'R11',
    why: 'A request that is read twice is decided twice, and units are put in twice.',
    file: 'processor/ledger/product-requests.ts',
    find: 'if (decided.has(request.id) || state.verdicts.has(request.id)) return;',
    replace: 'if (decided.has(request.id)) return;',
    world: 'products',
  },
  {
    name: 'outbox-not-taken-over',
    rule: 'R11',
    why: 'What a process had decided and not appended when it died is never said.',
    file: 'processor/process-products.ts',
    find: 'if (state.live) state.outbox.add(answers ?? []);',
    replace: '',
    world: 'products',
  },
  {
    name: 'answer-appended-once',
    rule: 'R11',
    why: 'An answer whose append was lost is never appended again.',
    file: 'processor/product-outbox.ts',
    find: 'if (!closed) for (const answer of line.unread) append(line, answer);',
    replace: '',
    world: 'products',
  },
  {
    name: 'answers-out-of-order',
    rule: 'R11',
    why: 'Versions reach the log out of order, and those that came too early are void for ever.',
    file: 'processor/product-outbox.ts',
    find: 'if (!closed) for (const answer of line.unread) append(line, answer);',
    replace: 'if (!closed) for (const answer of line.unread.toReversed()) append(line, answer);',
    world: 'products',
  },
  {
    name: 'product-version-not-checked',
    rule: 'R11',
    why: 'A copy of a fact puts its units in once more.',
    file: 'processor/ledger/product-requests.ts',
    find: "if (event.version !== (known?.readVersion ?? 0) + 1) return 'void';",
    replace: '',
    world: 'products',
  },
  {
    name: 'stock-below-nothing',
    rule: 'stock',
    why: 'More units are taken out by hand than there are.',
    file: 'shared/product/decider.ts',
    find: 'if (onHand + delta < use.reserved) {',
    replace: 'if (onHand + delta < use.reserved - 1_000) {',
    world: 'products',
  },
];

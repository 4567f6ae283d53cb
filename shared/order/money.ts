// shared/order/money.ts: amounts. Decimal with at most two places in HTTP bodies, integer minor units everywhere else.

/** The largest amount: 12 digits in minor units, exact in a double and in bigint. */
export const AMOUNT_MAX = 9_999_999_999.99;

/**
 * True for a number of 0 to AMOUNT_MAX that is a decimal with at most two places. Rounding to two places and back must give
 * the very same double; `multipleOf: 0.01` would refuse 19.99, which has no exact binary form.
 */
export const isAmount = (value: number): boolean => value >= 0 && value <= AMOUNT_MAX && Math.round(value * 100) / 100 === value;

/** Minor units of an amount that `isAmount`. Adding zero turns -0 into 0. */
export const toMinor = (amount: number): number => Math.round(amount * 100) + 0;

/** The amount whose shortest decimal form has at most two places. */
export const fromMinor = (minor: number): number => minor / 100;

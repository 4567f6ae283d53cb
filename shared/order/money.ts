// shared/order/money.ts: amounts. Decimal with at most two places in HTTP bodies, integer minor units everywhere else.

/** The largest amount: 12 digits in minor units, exact in a double and in bigint. */
export const AMOUNT_MAX = 9_999_999_999.99;

// A sum of cents in doubles (34.650000000000006) is the sum that its client means; what a person types lies further off.
const RELATIVE_ERROR_MAX = 1e-12;
const ERROR_MAX = 0.0001; // a hundredth of a cent: with the largest amounts a part in 10^12 would be a whole one

/**
 * True for a number of 0 to AMOUNT_MAX that is a decimal with at most two places, up to the error of sums in doubles. `multipleOf: 0.01`
 * would refuse 19.99, which has no exact binary form.
 */
export const isAmount = (value: number): boolean => {
  const error = Math.abs(value - Math.round(value * 100) / 100);
  return value >= 0 && value <= AMOUNT_MAX && error <= Math.min(value * RELATIVE_ERROR_MAX, ERROR_MAX);
};

/** Minor units of an amount that `isAmount`. Adding zero turns -0 into 0. */
export const toMinor = (amount: number): number => Math.round(amount * 100) + 0;

/** The amount whose shortest decimal form has at most two places. */
export const fromMinor = (minor: number): number => minor / 100;

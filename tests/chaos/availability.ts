// tests/chaos/availability.ts: how long nobody could place an order.

const LOOK_MS = 100;

/** `stop` answers with the longest time in which `accepted` did not grow. */
export const watchAvailability = (accepted: () => number): { stop: () => number } => {
  let last = { accepted: accepted(), at: performance.now() };
  let longest = 0;
  const look = (): void => {
    const now = performance.now();
    longest = Math.max(longest, now - last.at);
    if (accepted() > last.accepted) last = { accepted: accepted(), at: now };
  };
  const timer = setInterval(look, LOOK_MS);
  return {
    stop: () => {
      clearInterval(timer);
      look();
      return longest;
    },
  };
};

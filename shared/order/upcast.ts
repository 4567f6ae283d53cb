// shared/order/upcast.ts: how the data of an old version become those of the next. A record's meaning never changes, so a step is
// only ever added, one for each version before the current one (event-types.ts). Pure.

type Data = Record<string, unknown>;

/** By the name and version that the step starts from, such as `OrderCreated.v1`. There is no second version of a type yet. */
export const UPCASTERS: Readonly<Record<string, (data: Data) => Data>> = {};

// api/access/roles.ts: the roles. Three have each the rights of those before it; an api client may have another one, with one right.

export const USER_ROLES = ['customer', 'operator', 'admin'] as const;
export type UserRole = (typeof USER_ROLES)[number];

/** `fulfiller`: what fulfils orders and reports how that ended. It may call what operations.ts marks for it, and nothing else. */
export const CLIENT_ROLES = [...USER_ROLES, 'fulfiller'] as const;
export type Role = (typeof CLIENT_ROLES)[number];

/** Never for a fulfiller, which has no rank. */
export const mayActAs = (role: Role, least: UserRole): boolean =>
  (USER_ROLES as readonly Role[]).indexOf(role) >= USER_ROLES.indexOf(least);

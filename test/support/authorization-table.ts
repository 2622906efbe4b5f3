import type { Route } from '#kernel/contract'
import { orderStaff, roles } from '#kernel/contract'

/** Who asks: nobody, a reader with the order's token, one with another order's token, or staff with one role alone. */
export const actors = ['nobody', 'own', 'other', ...roles] as const
export type Actor = (typeof actors)[number]

/** Whether each may enter a route, as its contract says. */
export function cellsOf(route: Route): Record<Actor, boolean> {
  const { access } = route
  const staffOf = (allowed: readonly string[]) =>
    Object.fromEntries(roles.map((role) => [role, allowed.includes(role)])) as Record<
      (typeof roles)[number],
      boolean
    >
  switch (access.kind) {
    case 'public':
      return { nobody: true, own: true, other: true, ...staffOf(roles) }
    case 'order':
      return { nobody: false, own: true, other: false, ...staffOf(orderStaff) }
    case 'staff':
      return { nobody: false, own: false, other: false, ...staffOf(access.roles) }
    case 'internal':
    case 'monitoring':
      return { nobody: false, own: false, other: false, ...staffOf([]) }
  }
}

/** The table as it is kept under docs/security: one line for each route. */
export function authorizationCsv(routes: readonly Route[]): string {
  const lines = routes
    .map((route) => {
      const cells = cellsOf(route)
      return [route.method, route.path, ...actors.map((actor) => (cells[actor] ? 'yes' : 'no'))].join()
    })
    .sort()
  return `${[['method', 'path', ...actors].join(), ...lines].join('\n')}\n`
}

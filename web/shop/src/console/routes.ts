import type { RouteRecordRaw } from 'vue-router'

/** The bookseller console, mounted at /console; the router fetches this file when somebody first goes there. */
export const consoleRoutes: RouteRecordRaw[] = [
  {
    path: '/console/:rest(.*)*',
    component: () => import('../layout/not-found-page.vue'),
    meta: { title: 'Console' },
  },
]

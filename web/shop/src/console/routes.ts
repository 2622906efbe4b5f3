import type { RouteLocationNormalized, RouteRecordRaw } from 'vue-router'
import type { Role } from '#kernel/contract'
import ConsoleLayout from './console-layout.vue'
import { loadSession } from './session.ts'

declare module 'vue-router' {
  interface RouteMeta {
    /** Staff with one of these roles may see the page. */
    roles?: readonly Role[]
  }
}

const counter: readonly Role[] = ['bookseller', 'manager']
const operations: readonly Role[] = ['operator']
const office: readonly Role[] = ['manager']
const readers: readonly Role[] = ['manager', 'operator']

/** The bookseller console, mounted at /console; the router fetches this file when somebody first goes there. */
export const consoleRoutes: RouteRecordRaw[] = [
  {
    path: '/console/login',
    name: 'console-login',
    component: () => import('./login-page.vue'),
    meta: { title: 'Log in' },
  },
  {
    path: '/console',
    component: ConsoleLayout,
    beforeEnter: staffOnly,
    children: [
      {
        path: '',
        name: 'console-till',
        component: () => import('./till/till-page.vue'),
        meta: { title: 'Till', roles: counter },
      },
      {
        path: 'redeem/:code',
        name: 'console-redeem',
        component: () => import('./till/till-page.vue'),
        meta: { title: 'Till', roles: counter },
      },
      {
        path: 'orders',
        name: 'console-orders',
        component: () => import('./orders/order-list-page.vue'),
        meta: { title: 'Orders', roles: counter },
      },
      {
        path: 'orders/:id',
        name: 'console-order',
        component: () => import('./orders/order-detail-page.vue'),
        props: true,
        meta: { title: 'Order', roles: counter },
      },
      {
        path: 'books',
        name: 'console-books',
        component: () => import('./books/book-list-page.vue'),
        meta: { title: 'Books and stock', roles: office },
      },
      {
        path: 'books/new',
        name: 'console-new-book',
        component: () => import('./books/book-edit-page.vue'),
        meta: { title: 'New book', roles: office },
      },
      {
        path: 'books/:isbn',
        name: 'console-book',
        component: () => import('./books/book-edit-page.vue'),
        props: true,
        meta: { title: 'Edit book', roles: office },
      },
      {
        path: 'imports',
        name: 'console-imports',
        component: () => import('./imports/import-start-page.vue'),
        meta: { title: 'Import', roles: office },
      },
      {
        path: 'imports/:id',
        name: 'console-import',
        component: () => import('./imports/import-progress-page.vue'),
        props: true,
        meta: { title: 'Import', roles: office },
      },
      {
        path: 'reports',
        name: 'console-reports',
        component: () => import('./reports/reports-page.vue'),
        meta: { title: 'Reports', roles: readers },
      },
      {
        path: 'reports/sql',
        name: 'console-report-sql',
        component: () => import('./reports/sql-page.vue'),
        meta: { title: 'Ask by SQL', roles: readers },
      },
      {
        path: 'reports/:name',
        name: 'console-report',
        component: () => import('./reports/reports-page.vue'),
        props: true,
        meta: { title: 'Reports', roles: readers },
      },
      {
        path: 'system',
        name: 'console-system',
        component: () => import('./system/system-page.vue'),
        meta: { title: 'System', roles: operations },
      },
      {
        path: 'fleet',
        name: 'console-fleet',
        component: () => import('./fleet/fleet-page.vue'),
        meta: { title: 'Fleet', roles: operations },
      },
      {
        path: 'sessions',
        name: 'console-sessions',
        component: () => import('./account/sessions-page.vue'),
        meta: { title: 'Your sessions' },
      },
      {
        path: ':rest(.*)*',
        name: 'console-not-found',
        component: () => import('./not-found-page.vue'),
        meta: { title: 'Not found' },
      },
    ],
  },
]

/** Sends who is not logged in to the log-in page, and from there back to where they wanted to go. */
async function staffOnly(to: RouteLocationNormalized) {
  const { kind } = await loadSession()
  return kind === 'out' ? { name: 'console-login', query: { next: to.fullPath } } : true
}

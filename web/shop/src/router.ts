import { createRouter, createWebHistory, type RouteRecordRaw, type Router } from 'vue-router'
import ShopLayout from './layout/shop-layout.vue'

declare module 'vue-router' {
  interface RouteMeta {
    /** What the browser's title says before the page knows better. */
    title?: string
  }
}

const shopRoutes: RouteRecordRaw[] = [
  {
    path: '/shop',
    component: ShopLayout,
    children: [
      {
        path: '',
        name: 'catalogue',
        component: () => import('./catalogue/catalogue-page.vue'),
        meta: { title: 'Books' },
      },
      { path: 'books/:isbn', name: 'book', component: () => import('./book/book-page.vue'), props: true },
      {
        path: 'cart',
        name: 'cart',
        component: () => import('./cart/cart-page.vue'),
        meta: { title: 'Your cart' },
      },
      {
        path: 'checkout',
        name: 'checkout',
        component: () => import('./checkout/checkout-page.vue'),
        meta: { title: 'Checkout' },
      },
      {
        path: 'orders',
        name: 'orders',
        component: () => import('./order/orders-page.vue'),
        meta: { title: 'Your orders' },
      },
      {
        path: 'orders/:id',
        name: 'order',
        component: () => import('./order/order-page.vue'),
        props: true,
        meta: { title: 'Your order' },
      },
      {
        path: ':rest(.*)*',
        name: 'not-found',
        component: () => import('./layout/not-found-page.vue'),
        meta: { title: 'Not found' },
      },
    ],
  },
  { path: '/', redirect: '/shop' },
]

/** The router of both mounts. The console's routes are fetched when somebody first goes there. */
export function createShopRouter(): Router {
  const router = createRouter({
    history: createWebHistory('/'),
    routes: shopRoutes,
    scrollBehavior: (to, from, saved) => {
      if (saved) return saved
      if (to.hash && !to.hash.startsWith('#token=')) return { el: to.hash }
      return to.path === from.path ? false : { top: 0 }
    },
  })
  let consoleIsThere = false
  router.beforeEach(async (to) => {
    if (consoleIsThere || !/^\/console(\/|$)/.test(to.path)) return true
    const { consoleRoutes } = await import('./console/routes.ts')
    for (const route of consoleRoutes) router.addRoute(route)
    consoleIsThere = true
    const { path, query, hash } = to
    return { path, query, hash, replace: true }
  })
  router.afterEach((to) => {
    const title = to.meta.title
    document.title = title ? `${title} · Octavo` : 'Octavo'
  })
  return router
}

import type { Router } from 'vue-router'

const reloadAgainAfterMs = 30_000
const key = 'octavo-reloaded-for-build'

/**
 * A tab that was open while the shop moved to a new build asks for parts that are gone. It is loaded anew, once, at the
 * page it was going to. Where the shop cannot be reached at all, the page that is there stays.
 */
export function reloadForNewBuild(router: Router): void {
  let isPartMissing = false
  let address = ''
  // Source: Vite, "Load error handling".
  addEventListener('vite:preloadError', () => {
    isPartMissing = true
    address = location.href
  })
  router.onError(async (_error, to) => {
    if (!isPartMissing) return
    isPartMissing = false
    // Meanwhile the reader may have gone somewhere that works.
    if ((await isShopThere()) && location.href === address && isFirstTry())
      location.assign(router.resolve(to).href)
  })
}

async function isShopThere(): Promise<boolean> {
  try {
    return (await fetch('/shop/', { method: 'HEAD', cache: 'no-store' })).ok
  } catch {
    return false
  }
}

/** A part that is still missing after loading anew is not what a new build explains. */
function isFirstTry(): boolean {
  try {
    const isAgain = Date.now() - Number(sessionStorage.getItem(key) ?? 0) < reloadAgainAfterMs
    sessionStorage.setItem(key, String(Date.now()))
    return !isAgain
  } catch {
    return false
  }
}

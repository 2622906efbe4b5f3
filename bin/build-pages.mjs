// Builds the website, the shop with its console, and the API pages, each only when its sources have changed.
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fingerprint, octavoNode, readStamp, root, run, say, writeStamp } from './set-up.mjs'

export async function buildPages() {
  const changed = pages()
    .map((page) => ({ ...page, wanted: fingerprint(['package-lock.json', ...page.sources]) }))
    .filter((page) => readStamp(page.stamp) !== page.wanted || !existsSync(join(root, page.result)))
  if (changed.length === 0) return
  const startedMs = Date.now()
  say(`Building ${changed.map((page) => page.name).join(', ')} …`)
  // All of them end before any failure is told, so that no build goes on behind it.
  const results = await Promise.allSettled(
    changed.map(async (page) => {
      const env = { ...process.env, NODE_ENV: 'production', ASTRO_TELEMETRY_DISABLED: '1', NO_COLOR: '1' }
      await run(`building ${page.name}`, octavoNode, page.command, { env })
      writeStamp(page.stamp, page.wanted)
    }),
  )
  const failed = results.find((result) => result.status === 'rejected')
  if (failed) throw failed.reason
  say(`Built in ${((Date.now() - startedMs) / 1000).toFixed(0)} s.`)
}

function pages() {
  const services = readdirSync(join(root, 'src', 'services')).sort()
  const contracts = ['src/kernel', ...services.map((service) => `src/services/${service}/contract.ts`)]
  return [
    {
      name: 'the website',
      sources: ['web/site/src', 'web/site/public', 'web/site/astro.config.ts', 'web/brand', ...contracts],
      command: ['node_modules/astro/bin/astro.mjs', 'build', '--root', 'web/site', '--silent'],
      result: 'web/site/dist/index.html',
      stamp: 'web/site/dist/.built',
    },
    {
      name: 'the shop',
      sources: [
        'docs/runbooks',
        'web/shop/src',
        'web/shop/public',
        'web/shop/index.html',
        'web/shop/vite.config.ts',
        'web/brand',
        ...contracts,
      ],
      command: [
        'node_modules/vite/bin/vite.js',
        'build',
        'web/shop',
        '--config',
        'web/shop/vite.config.ts',
        '--logLevel',
        'warn',
      ],
      result: 'web/shop/dist/index.html',
      stamp: 'web/shop/dist/.built',
    },
    {
      name: 'the API pages',
      sources: ['src/commands/docs.ts', 'src/docs', 'web/brand', ...contracts],
      command: ['src/main.ts', 'docs'],
      result: 'dist/docs/openapi.json',
      stamp: 'dist/docs/.built',
    },
  ]
}

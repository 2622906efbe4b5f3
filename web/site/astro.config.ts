import { defineConfig } from 'astro/config'

// Everything is a file beside the pages: no inline script or style, so that a strict Content-Security-Policy holds.
export default defineConfig({
  output: 'static',
  trailingSlash: 'always',
  cacheDir: '../../node_modules/.astro-site',
  devToolbar: { enabled: false },
  build: { inlineStylesheets: 'never' },
  vite: {
    cacheDir: '../../node_modules/.vite-site',
    build: { assetsInlineLimit: 0 },
    // Astro's own version of `cookie` is nested in Astro; left external, the prerenderer would find Fastify's.
    resolve: { noExternal: ['cookie'] },
  },
})

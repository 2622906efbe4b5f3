import { fileURLToPath } from 'node:url'
import nuxtUi from '@nuxt/ui/vite'
import vue from '@vitejs/plugin-vue'
import { defineConfig, type Plugin } from 'vite'

const root = fileURLToPath(new URL('.', import.meta.url))
const gateway = process.env.OCTAVO_URL || 'http://localhost:8080'

/** The shop and the console are one page; while developing, Vite has to be told so. In production the gateway knows. */
const consoleIsTheShop: Plugin = {
  name: 'console-is-the-shop',
  configureServer(server) {
    server.middlewares.use((request, _response, next) => {
      if (/^\/console(\/|\?|$)/.test(request.url ?? '')) request.url = '/shop/index.html'
      next()
    })
  },
}

export default defineConfig({
  root,
  base: '/shop/',
  plugins: [
    consoleIsTheShop,
    vue(),
    nuxtUi({
      colorMode: false,
      autoImport: false,
      components: false,
      experimental: { componentDetection: true },
      ui: {
        // Scales from web/brand/tokens.css; Nuxt UI's type knows only Tailwind's own neutrals.
        colors: { primary: 'cloth', secondary: 'paper', warning: 'rubric', neutral: 'paper' as 'neutral' },
      },
      icon: { clientBundle: { scan: { globInclude: ['src/**/*.{vue,ts}'] } } },
    }),
  ],
  build: {
    // The first versions with light-dark(), which the brand's colours are written in.
    target: ['chrome123', 'firefox121', 'safari17.5'],
    outDir: 'dist',
    emptyOutDir: true,
    reportCompressedSize: false,
    assetsInlineLimit: 2048,
  },
  server: { proxy: { '/api': gateway } },
})

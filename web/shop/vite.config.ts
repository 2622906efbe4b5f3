import { fileURLToPath } from 'node:url'
import nuxtUi from '@nuxt/ui/vite'
import vue from '@vitejs/plugin-vue'
import { defineConfig, type Plugin } from 'vite'
import { stylesInFiles } from './src/styles-in-files.ts'

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

/** Scales from web/brand/tokens.css, and Tailwind's own. */
const colors = {
  ...{ primary: 'cloth', secondary: 'paper', warning: 'rubric', neutral: 'paper' },
  ...{ success: 'green', info: 'blue', error: 'red' },
}

export default defineConfig({
  root,
  base: '/shop/',
  plugins: [
    consoleIsTheShop,
    stylesInFiles(colors),
    vue(),
    nuxtUi({
      colorMode: false,
      autoImport: false,
      components: false,
      experimental: { componentDetection: true },
      ui: {
        // Nuxt UI's type knows only Tailwind's own neutrals.
        colors: { ...colors, neutral: colors.neutral as 'neutral' },
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

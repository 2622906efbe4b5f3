import './theme.css'
import nuxtUi from '@nuxt/ui/vue-plugin'
import { VueQueryPlugin } from '@tanstack/vue-query'
import { createApp } from 'vue'
import { queryClient } from './api/query-client.ts'
import App from './app.vue'
import { createShopRouter } from './router.ts'

createApp(App).use(createShopRouter()).use(VueQueryPlugin, { queryClient }).use(nuxtUi).mount('#app')

import './theme.css'
import nuxtUi from '@nuxt/ui/vue-plugin'
import { VueQueryPlugin } from '@tanstack/vue-query'
import { createApp } from 'vue'
import { queryClient } from './api/query-client.ts'
import App from './app.vue'
import { reloadForNewBuild } from './new-build.ts'
import { createShopRouter } from './router.ts'

const router = createShopRouter()
reloadForNewBuild(router)
createApp(App).use(router).use(VueQueryPlugin, { queryClient }).use(nuxtUi).mount('#app')

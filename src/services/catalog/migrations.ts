/** Where the migrations of BookDb's dialect are, which the URL's scheme picks; its schema is `catalog`. */
export { migrationsOf } from './store/open-store.ts'

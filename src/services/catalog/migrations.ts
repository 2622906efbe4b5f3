/** Where the migrations of BookDb's dialect are, which the URL's scheme picks, and their schema. */
export { migrationsOf, schemaOf } from './store/open-store.ts'

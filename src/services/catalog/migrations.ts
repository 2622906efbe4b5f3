/** Where BookDb's migrations are; its schema is `catalog`. */
export const migrationsFolder = new URL('./migrations/', import.meta.url)

/** Where OrderDb's migrations are. */
export const migrationsFolder = new URL('./migrations/', import.meta.url)

const endings = new Set<() => void>()
process.once('exit', () => {
  for (const end of endings) end()
})

/** Calls `end` when this process exits, unless what it returns was called before. */
export function endWithProcess(end: () => void): () => void {
  endings.add(end)
  return () => void endings.delete(end)
}

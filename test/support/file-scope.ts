import { after } from 'node:test'
import type { TestScope } from './database.ts'

/** What is opened for all tests of a file: it ends after the last of them, the latest first. */
export function fileScope(): TestScope {
  const ends: (() => unknown)[] = []
  after(async () => {
    for (const end of ends.toReversed()) await end()
  })
  return { after: (work) => void ends.push(work) }
}

import assert from 'node:assert/strict'
import { test } from 'node:test'
import { programName } from './program-name.ts'

test('a session is called by its browser and system, or by the name of its program', () => {
  const names: [string, string][] = [
    [
      'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36',
      'Chrome on Linux',
    ],
    [
      'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) AppleWebKit/605.1.15 Version/18.0 Mobile/15E148 Safari/604.1',
      'Safari on iOS',
    ],
    [
      'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0',
      'Firefox on Windows',
    ],
    ['curl/8.5.0', 'curl'],
    ['', 'A program without a name'],
  ]
  for (const [agent, name] of names) assert.equal(programName(agent), name)
})

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { parse, stringify } from 'yaml'

const rulesPath = join(import.meta.dirname, '..', '..', 'deploy', 'chart', 'files', 'rules.yaml')
const inSeconds = { s: 1, m: 60, h: 3_600 } as const
/** Rates need two looks at a number. */
const rangeSecondsMin = 12

type Rules = { groups: { interval?: string; rules: { expr: string; for?: string }[] }[] }

/**
 * The rules as they are, with time running faster: whatever is waited for or looked back at is so many times shorter.
 * Thresholds stay as they are.
 */
export function shortenedRules(times: number): string {
  const { groups } = parse(readFileSync(rulesPath, 'utf8')) as Rules
  const shorter = (text: string, secondsMin: number) =>
    text.replace(/^(\d+)([smh])$/, (_, n: string, unit: keyof typeof inSeconds) => {
      return `${Math.max(secondsMin, Math.round((Number(n) * inSeconds[unit]) / times))}s`
    })
  return stringify({
    groups: groups.map((group) => ({
      ...group,
      interval: '2s',
      rules: group.rules.map((rule) => ({
        ...rule,
        expr: rule.expr.replace(
          /\[(\d+[smh])\]/g,
          (_, range: string) => `[${shorter(range, rangeSecondsMin)}]`,
        ),
        ...(rule.for !== undefined && { for: shorter(rule.for, 2) }),
      })),
    })),
  })
}

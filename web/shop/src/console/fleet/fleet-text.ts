import type { FleetView } from '#services/edge'

type Member = FleetView['clusters'][number]

/** How an edge finds a cluster, in words, a tone and a mark that needs no colour. */
export function healthOf({ seen }: Member): { text: string; tone: string; icon: string } {
  if (seen === null) return { text: 'not asked', tone: 'text-ink-soft', icon: '–' }
  if (!seen.isUp) return { text: `down: ${seen.reason ?? 'it does not answer'}`, tone: 'text-bad', icon: '○' }
  if (seen.isCutOff) return { text: 'cut off', tone: 'text-bad', icon: '○' }
  if (seen.isSlow) return { text: 'far slower than the others', tone: 'text-warn', icon: '◔' }
  if (!seen.isProbed) return { text: 'being asked', tone: 'text-ink-soft', icon: '◔' }
  return { text: 'up', tone: 'text-good', icon: '●' }
}

const meant: Record<string, string> = {
  drain: 'to be drained',
  revoke: 'to be revoked',
  leave: 'not in the list',
}

/** What it does, and what somebody wants it to do where that is not the same yet. */
export function stateOf({ phase, intent }: Member): string {
  const isDone = (intent === 'drain' && phase === 'out') || (intent === 'revoke' && phase === 'revoked')
  const words = meant[intent]
  return isDone || words === undefined ? phase : `${phase}, ${words}`
}

/** What somebody has to look at. */
export function troublesOf({ clusters, blocked, databases, bad, wanted, troubles }: FleetView): string[] {
  const down = clusters.filter(
    ({ phase, seen }) => phase === 'serving' && seen !== null && (!seen.isUp || seen.isCutOff),
  )
  const moving = databases.filter(({ step }) => step !== 'steady')
  return [
    ...troubles,
    ...down.map(({ name }) => `${name} is lost`),
    ...moving.map(({ name, cluster }) => `${name} is on its way to or from ${cluster}`),
    ...(blocked === null ? [] : [`${wanted ?? 'the version'} is not rolled out: ${blocked}`]),
    ...bad.filter(({ version }) => version === wanted).map(({ version }) => `${version} was rolled back`),
  ]
}

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

/** What somebody has to look at. */
export function troublesOf({ clusters, blocked, databases, bad, wanted }: FleetView): string[] {
  const down = clusters.filter(
    ({ phase, seen }) => phase === 'serving' && seen !== null && (!seen.isUp || seen.isCutOff),
  )
  const moving = databases.filter(({ step }) => step !== 'steady')
  return [
    ...down.map(({ name }) => `${name} is lost`),
    ...moving.map(({ name, cluster }) => `${name} is on its way to or from ${cluster}`),
    ...(blocked === null ? [] : [`${wanted ?? 'the version'} is not rolled out: ${blocked}`]),
    ...bad.filter(({ version }) => version === wanted).map(({ version }) => `${version} was rolled back`),
  ]
}

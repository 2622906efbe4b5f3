import type { System } from '#services/gateway'

export const databaseNames: Readonly<Record<string, string>> = { 'book-db': 'BookDb', 'order-db': 'OrderDb' }

/** An archive is written about every second; one that stands still for longer has fallen behind. */
const archiveBehindMaxSeconds = 120
const lagMaxSeconds = 10

/** What an operator should know of a database, in one sentence; undefined when it is well. */
export function troubleOf(
  { servers, archive }: System['databases'][number],
  nowMs: number = Date.now(),
): string | undefined {
  const named = (state: string) => servers.filter((each) => each.state === state).map(({ server }) => server)
  const away = named('away')
  const late = servers
    .filter(({ lagSeconds }) => (lagSeconds ?? 0) > lagMaxSeconds)
    .map(({ server }) => server)
  const behindSeconds = archive?.reachesTo ? (nowMs - Date.parse(archive.reachesTo)) / 1_000 : 0
  const found = [
    ...(named('primary').length === 0 ? ['no server is its primary, so that it takes no writes'] : []),
    ...(away.length > 0 ? [`${away.join(', ')} ${away.length === 1 ? 'does' : 'do'} not answer`] : []),
    ...(late.length > 0
      ? [`${late.join(', ')} ${late.length === 1 ? 'is' : 'are'} more than ten seconds behind`]
      : []),
    ...(archive?.problem ? [`its archive is not kept: ${archive.problem}`] : []),
    ...(!archive?.problem && behindSeconds > archiveBehindMaxSeconds ? ['its archive stands still'] : []),
  ]
  return found.length === 0 ? undefined : `${found.join('; ')}.`.replace(/^./, (first) => first.toUpperCase())
}

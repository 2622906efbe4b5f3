import { parseArgs } from 'node:util'
import { readSecrets } from '#config'
import { type Broker, type DeadLetter, openBroker } from '#ports/broker'
import { queues } from '#roles'
import { storeEnvironment } from '../local/running.ts'

export const summary =
  'list messages that a queue gave up on, or clear them: octavo dead-letters [retry|discard QUEUE ID…|all]'

const shownCharactersMax = 300

/** @returns 0 done, 1 when one of the letters is not there, 2 asked for the wrong way */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { json: { type: 'boolean', default: false } },
  })
  const [fate, queue, ...ids] = positionals
  if (fate !== undefined && ((fate !== 'retry' && fate !== 'discard') || ids.length === 0)) {
    console.error(
      'octavo dead-letters lists them; octavo dead-letters retry|discard QUEUE ID…|all clears some',
    )
    return 2
  }
  if (queue !== undefined && !queues.includes(queue)) {
    console.error(`There is no queue "${queue}"; there are ${queues.join(', ')}`)
    return 2
  }
  const { broker: url } = readSecrets(storeEnvironment(process.env, ['OCTAVO_BROKER']), ['broker'])
  await using broker = await openBroker(url, { applicationName: 'dead-letters' })
  if (fate === undefined || queue === undefined) return await list(broker, values.json)
  const all = ids.includes('all') ? (await broker.deadLetters(queue)).map(({ id }) => id) : ids
  const cleared = await broker.clearDeadLetters(queue, all, fate)
  console.log(
    `${cleared} of ${all.length} ${fate === 'retry' ? 'given back to' : 'thrown away from'} ${queue}.`,
  )
  return cleared === all.length ? 0 : 1
}

async function list(broker: Broker, asJson: boolean): Promise<number> {
  const letters = (await Promise.all(queues.map((queue) => broker.deadLetters(queue)))).flat()
  if (asJson) console.log(JSON.stringify(letters, null, 2))
  else if (letters.length === 0) console.log('No queue has dead letters.')
  else for (const letter of letters) print(letter)
  return 0
}

function print({ queue, id, topic, publishedAt, attempt, error, payload }: DeadLetter): void {
  console.log(`${queue}  ${id}  ${topic} of ${publishedAt}, attempt ${attempt}: ${error}`)
  console.log(`    ${(JSON.stringify(payload) ?? '').slice(0, shownCharactersMax)}`)
}

import { readConfig, readSecrets } from '#config'
import { storeEnvironment } from '../local/running.ts'
import { webhookSignature } from '../services/vouchers/bucket-webhook.ts'
import { noteObjects } from '../services/vouchers/contract.ts'

export const summary = "print the URL for an S3 store's webhook: octavo bucket-webhook"

export async function run(): Promise<number> {
  const env = storeEnvironment(process.env, ['OCTAVO_SECRET'])
  const { secret } = readSecrets(env, ['secret'])
  console.log(`${readConfig(env).publicUrl}${noteObjects.path}?signature=${webhookSignature(secret)}`)
  return 0
}

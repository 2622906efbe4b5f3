import { randomBytes } from 'node:crypto'
import { parseArgs } from 'node:util'
import { readSecrets } from '#config'
import { type Role, roles } from '#kernel/contract'
import { openDatabase } from '#ports/database'
import { storeEnvironment } from '../local/running.ts'
import { setAccount } from '../services/orders/staff/accounts.ts'
import { resetSecondFactor } from '../services/orders/staff/second-factor.ts'

export const summary =
  'add a staff account: octavo staff add EMAIL --roles bookseller,manager; reset EMAIL forgets its second factor'

/** The password comes from OCTAVO_STAFF_PASSWORD, never from an argument that others on the machine can read. */
export async function run(args: string[]): Promise<number> {
  const { values, positionals } = parseArgs({
    args,
    allowPositionals: true,
    options: { roles: { type: 'string', default: 'bookseller' } },
  })
  const [action, email] = positionals
  if (action === 'reset' && email) return await reset(email.toLowerCase())
  const asked = values.roles.split(',')
  const unknown = asked.filter((role) => !roles.includes(role as Role))
  if (action !== 'add' || !email || !/^[^\s@]+@[^\s@]+$/.test(email) || unknown.length > 0) {
    console.error(`octavo staff add EMAIL --roles LIST, where LIST is of ${roles.join(', ')}`)
    console.error('octavo staff reset EMAIL, for who has lost their second factor')
    if (unknown.length > 0) console.error(`There is no role "${unknown.join('", "')}".`)
    return 2
  }
  // Of this command's own environment: the running store's has the password of its first account.
  const given = readSecrets(process.env, ['staffPassword']).staffPassword
  const password = given ?? randomBytes(12).toString('base64url')
  await using database = await openOrderDb()
  await setAccount(database, { email, password, roles: asked as Role[] })
  console.log(`${email} may log in as ${asked.join(', ')}${given ? '' : `, with the password ${password}`}.`)
  return 0
}

/** Who has lost telephone and paper logs in by the password alone again. */
async function reset(email: string): Promise<number> {
  await using database = await openOrderDb()
  const isReset = await resetSecondFactor(database, email)
  console.log(isReset ? `${email} logs in without a code now.` : `${email} has no second factor.`)
  return isReset ? 0 : 1
}

function openOrderDb() {
  const { orderDb } = readSecrets(storeEnvironment(process.env, ['OCTAVO_ORDER_DB']), ['orderDb'])
  return openDatabase(orderDb, { applicationName: 'staff' })
}

import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { cacheFolder, exitCodeOf, goBuild, into } from '../../clusters/tools.ts'

const version = 'v1.8.0'
const name = 'versitygw'

/** An S3 server over a folder (Apache-2.0), built once and kept outside the checkout. */
export const s3ServerPath = () => join(cacheFolder(), `${name}-${version}`, name)

/**
 * Builds the server unless it is there: a minute and a half of one core. go.mod beside this file names the version, go.sum
 * holds the checksums.
 * @throws ToolsUnavailable when there is no Go, or it cannot be built
 */
export async function prepareS3(say: (text: string) => void): Promise<void> {
  if (existsSync(s3ServerPath())) return
  say(`Building ${name} ${version} …`)
  await into(join(cacheFolder(), `${name}-${version}`), async (making) => {
    await goBuild(import.meta.dirname, join(making, name), ['github.com/versity/versitygw/cmd/versitygw'])
  })
  say(`Built ${name} ${version}.`)
}

/** `node bin/bootstrap.mjs prepare-s3`. @returns the exit code */
export const main = (): Promise<number> =>
  exitCodeOf(async () => {
    await prepareS3((text) => console.log(text))
    return 0
  })

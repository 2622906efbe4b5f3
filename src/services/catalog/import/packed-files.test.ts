import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { crc32, deflateRawSync, gzipSync } from 'node:zlib'
import { readFile } from './read-file.ts'
import { shopDefaults, UnreadableFile } from './source.ts'

const csv = 'isbn,title\n9780441172719,Dune\n9780441172718,Wrong\n'
const onix = `<ONIXMessage release="3.0"><Product><NotificationType>03</NotificationType><ProductIdentifier><ProductIDType>15</ProductIDType><IDValue>9780141439518</IDValue></ProductIdentifier><DescriptiveDetail><TitleDetail><TitleType>01</TitleType><TitleElement><TitleElementLevel>01</TitleElementLevel><TitleText>Pride</TitleText></TitleElement></TitleDetail></DescriptiveDetail></Product></ONIXMessage>`

type Entry = { name: string; content: string | Buffer; flags?: number; method?: number; crc?: number }

/** Source: PKWARE APPNOTE 6.3.10. */
function zip(entries: readonly Entry[]): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const { name, content, flags = 0, method = 8, crc } of entries) {
    const plain = Buffer.from(content)
    const data = method === 8 ? deflateRawSync(plain) : plain
    const fields = Buffer.alloc(26)
    fields.writeUInt16LE(flags, 2)
    fields.writeUInt16LE(method, 4)
    fields.writeUInt32LE(crc ?? crc32(plain), 10)
    fields.writeUInt32LE(data.length, 14)
    fields.writeUInt32LE(plain.length, 18)
    fields.writeUInt16LE(name.length, 22)
    const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), fields, Buffer.from(name), data])
    const place = Buffer.alloc(14)
    place.writeUInt32LE(offset, 10)
    directory.push(Buffer.concat([Buffer.from('PK\x01\x02\0\0', 'latin1'), fields, place, Buffer.from(name)]))
    parts.push(local)
    offset += local.length
  }
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(entries.length, 8)
  end.writeUInt16LE(entries.length, 10)
  end.writeUInt32LE(Buffer.concat(directory).length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([...parts, ...directory, end])
}

async function records(content: Buffer, isXml = false) {
  const folder = await mkdtemp(join(tmpdir(), 'octavo-packed-'))
  try {
    await writeFile(join(folder, 'file'), content)
    const found = []
    const options = { mapping: {}, shop: shopDefaults, nowMs: 0, isXml }
    for await (const each of readFile(join(folder, 'file'), options))
      found.push(
        each.kind === 'book'
          ? [each.record, each.book.title]
          : [each.record, each.kind === 'wrong' ? each.message : each.kind],
      )
    return found
  } finally {
    await rm(folder, { recursive: true })
  }
}

test('each catalogue of an archive is read, and a fault names its file', async () => {
  const found = await records(
    zip([
      { name: 'feed/a.csv', content: csv },
      { name: 'cover.jpg', content: 'no catalogue' },
      { name: '__MACOSX/feed/._a.csv', content: 'no catalogue' },
      { name: 'feed/b.onx', content: onix, method: 0 },
    ]),
  )
  assert.deepEqual(
    found.map(([record]) => record),
    [1, 2, 3],
  )
  assert.deepEqual([found[0]?.[1], found[2]?.[1]], ['Dune', 'Pride'])
  assert.match(String(found[1]?.[1]), /wrong check digit.*\(feed\/a\.csv\)$/)
})

test('a file of an archive that is no catalogue costs itself alone', async () => {
  const letter = { name: 'read me.txt', content: 'Dear customer,\nthese are our new titles.\n' }
  const broken = { name: 'c.xml', content: '<rss></rss>' }
  const found = await records(zip([letter, { name: 'a.onx', content: onix }, broken]))
  assert.deepEqual(
    found.map(([record]) => record),
    [1, 2, 3],
  )
  assert.match(String(found[0]?.[1]), /^read me\.txt: no column holds the isbn/)
  assert.equal(found[1]?.[1], 'Pride')
  assert.match(String(found[2]?.[1]), /^c\.xml: the file is XML but no ONIX/)
  await assert.rejects(records(zip([letter, broken])), /^UnreadableFile: read me\.txt: no column holds/)
})

test('a file compressed by gzip is read as what it holds', async () => {
  assert.equal((await records(gzipSync(csv))).length, 2)
  assert.deepEqual(await records(gzipSync(onix), true), [[1, 'Pride']])
})

test('an archive that cannot be read says why', async () => {
  const whole = zip([{ name: 'a.csv', content: csv }])
  const gzipped = gzipSync(csv.repeat(1_000))
  const bomb = ' '.repeat(40_000_000)
  const cases: [string, Buffer, RegExp][] = [
    ['cut off', whole.subarray(0, whole.length - 30), /damaged or cut off/],
    ['gzip cut off', gzipped.subarray(0, gzipped.length - 20), /damaged or cut off/],
    ['no catalogue', zip([{ name: 'a.jpg', content: '' }]), /holds no .*; it holds a\.jpg/],
    ['empty', zip([{ name: 'a.csv', content: '' }]), /a\.csv: the file is empty/],
    ['workbook', zip([{ name: '[Content_Types].xml', content: 'x' }]), /Excel workbook/],
    [
      'OpenDocument',
      zip([
        { name: 'mimetype', content: 'x' },
        { name: 'content.xml', content: '<x/>' },
      ]),
      /OpenDocument/,
    ],
    ['encrypted', zip([{ name: 'a.csv', content: csv, flags: 1 }]), /a\.csv in the archive is encrypted/],
    ['method', zip([{ name: 'a.csv', content: csv, method: 14 }]), /by a method that is not read \(14\)/],
    ['checksum', zip([{ name: 'a.csv', content: csv, crc: 1 }]), /checksum is wrong/],
    ['bomb', gzipSync(`<ONIXMessage>${bomb}</ONIXMessage>`), /unpacks to more than an import takes/],
    [
      'entries',
      zip(Array.from({ length: 1_001 }, (_, i) => ({ name: `${i}.csv`, content: csv }))),
      /more than 1000 files/,
    ],
  ]
  for (const [name, content, message] of cases)
    await assert.rejects(
      records(content),
      (error) => error instanceof UnreadableFile && message.test(error.message),
      name,
    )
})

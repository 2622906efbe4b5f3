import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bookOf, message, records } from '../../../../test/support/onix.ts'
import { Findings } from './findings.ts'

test('a text keeps every word of its XHTML and its structure as lines, also when it was escaped too often', async () => {
  const text = (content: string, more = '') =>
    `<TextContent><TextType>03</TextType>${more}<Text textformat="05">${content}</Text></TextContent>`
  const cases: [string, string][] = [
    [
      text('<p>She said <q>hello</q>.</p><blockquote><p>Quoted</p></blockquote>'),
      'She said “hello”.\n\nQuoted',
    ],
    [text('<ul><li>One</li><li>Two</li></ul><ol><li>First</li></ol>'), '• One\n• Two\n\n1. First'],
    [
      text('H<sub>2</sub>O <small>small</small> <ruby><rb>東</rb><rt>ひがし</rt></ruby>'),
      'H2O small 東 (ひがし)',
    ],
    [text('<table><tr><th>a</th><td>b</td></tr><tr><td>c</td></tr></table>'), 'a · b\nc'],
    [text('<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>b</td></tr></tbody></table>'), 'a\nb'],
    [text('One<br/>Two<br />Three<br></br>Four'), 'One\nTwo\nThree\nFour'],
    [text('&amp;amp;lt;p&amp;amp;gt;Often&amp;amp;lt;/p&amp;amp;gt;'), 'Often'],
    [text('<madeup>kept</madeup> too'), 'kept too'],
    [text('<![CDATA[<p>One</p><p>Two</p>]]>'), 'One\n\nTwo'],
    [text('<![CDATA[&lt;p&gt;One&lt;/p&gt;&lt;p&gt;Two &amp;amp; three&lt;/p&gt;]]>'), 'One\n\nTwo & three'],
    [text('<p>Write &lt;b&gt; for bold</p>'), 'Write <b> for bold'],
    [text('a &lt; b<script>alert(1)</script>'), 'a < b'],
    [
      text('Trade', '<ContentAudience>02</ContentAudience>') +
        text('For readers', '<ContentAudience>00</ContentAudience>'),
      'For readers',
    ],
    [
      text('Trade', '<ContentAudience>03</ContentAudience>') +
        text('For readers', '<ContentAudience>00</ContentAudience>'),
      'For readers',
    ],
  ]
  for (const [collateral, expected] of cases)
    assert.equal((await bookOf({ collateral })).description, expected)
  const findings = new Findings()
  const others =
    text('Wonderful!', '<ContentAudience>00</ContentAudience>').replace('03', '06') +
    text('Chapter 1').replace('03', '04') +
    text('Trade', '<ContentAudience>02</ContentAudience>')
  const [praised] = await records(message({ collateral: others }), undefined, findings)
  assert.equal(praised?.kind === 'book' && praised.book.description, undefined)
  assert.deepEqual(
    findings.notRead.map(({ name }) => name),
    ['TextContent (type 06)', 'TextContent (type 04)', 'TextContent (type 03, audience 02)'],
  )
  const hidden = await bookOf({ collateral: text('Trade', '<ContentAudience>02</ContentAudience>') })
  assert.equal('description' in hidden, false)
})

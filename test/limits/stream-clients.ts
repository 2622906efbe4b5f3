import { request } from 'node:http'

/** Opens many streams in a process of their own and tells its parent of what they bring. */

const [url = '', path = '', count = '0'] = process.argv.slice(2)
let [opened, heard] = [0, 0]

// Some at a time: a busy machine's queue of new connections is short, and who finds it full comes again.
for (let i = 0; i < Number(count); i++) setTimeout(open, Math.floor(i / 50) * 10, i)

function open(i: number): void {
  const headers = { 'x-forwarded-for': `192.0.${Math.floor(i / 250)}.${(i % 250) + 1}` }
  const asking = request(url + path, { headers, agent: false }, (response) => {
    if (response.statusCode !== 200) {
      // On a busy machine some are refused, and come again.
      response.resume()
      setTimeout(open, 100, i)
      return
    }
    let text = ''
    response.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk
      for (let end = text.indexOf('\n\n'); end !== -1; end = text.indexOf('\n\n')) {
        const event = text.slice(0, end)
        text = text.slice(end + 2)
        if (!event.includes('event: order')) continue
        if (event.includes('"status":"reserved"')) opened++
        else heard++
        if (opened === Number(count) && heard === 0) process.send?.({ opened })
        // How long its change took to come, for the last of all streams.
        const changedMs = Number(/"changedMs":(\d+)/.exec(event)?.[1])
        if (heard === Number(count)) process.send?.({ heard, tookMs: Date.now() - changedMs })
      }
    })
  })
  asking.on('error', () => setTimeout(open, 100, i))
  asking.end()
}

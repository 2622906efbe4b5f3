const pages = import.meta.glob<string>('../../../../../docs/runbooks/*.md', {
  query: '?raw',
  import: 'default',
})

export type Block = { kind: 'text' | 'list'; lines: string[] }

/** What to do about an alert, as the project's runbook has it. @returns undefined for one of somebody else's */
export async function runbook(path: string | null): Promise<Block[] | undefined> {
  const load = pages[`../../../../../${path}`]
  return load && blocksOf(await load())
}

/** Paragraphs and lists without their marks; without the alert's name and what it says, which are there already. */
function blocksOf(markdown: string): Block[] {
  return markdown
    .split(/\n{2,}/)
    .filter((block) => block.trim() !== '' && !block.startsWith('#') && !block.includes('rules.yaml'))
    .slice(1)
    .map((block) => {
      const lines = block.trim().split('\n')
      const isList = lines.every((line) => /^(- | {2})/.test(line))
      if (!isList) return { kind: 'text', lines: [plain(lines.join(' '))] }
      const items = block.trim().split(/\n(?=- )/)
      return {
        kind: 'list',
        lines: items.map((item) => plain(item.replace(/^- /, '').replace(/\n\s*/g, ' '))),
      }
    })
}

const plain = (text: string) =>
  text
    .replace(/\*\*(.+?)\*\*/g, '$1')
    .replace(/`(.+?)`/g, '$1')
    .replace(/\[(.+?)\]\(.+?\)/g, '$1')

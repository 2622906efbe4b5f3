import colours from 'tailwindcss/colors'
import type { Plugin } from 'vite'

const shades = [50, 100, 200, 300, 400, 500, 600, 700, 800, 900, 950] as const
/** Where the colours are put, among the styles of the build. */
const mark = '/* nuxt-ui colours */'
const shadesOf = colours as unknown as Record<string, Record<number, string> | undefined>

/**
 * Has every style in a file of the build: the pages' policy takes no style that a script writes. Nuxt UI writes its colours
 * at run time, and Reka UI hides scrollbars by a style element beside the list it is about; both are known when the shop is
 * built.
 * @param colors by name of use, as Nuxt UI's `ui.colors`
 */
export function stylesInFiles(colors: Readonly<Record<string, string>>): Plugin {
  return {
    name: 'styles-in-files',
    enforce: 'pre',
    load(id) {
      if (/@nuxt\/ui\/dist\/runtime\/plugins\/colors\.js/.test(id)) return 'export default { install() {} }'
      return undefined
    },
    transform(code, id) {
      if (/\/theme\.css(\?|$)/.test(id)) return code.replace(mark, colourRules(colors))
      if (!id.includes('/reka-ui/dist/') || !code.includes('as: "style"')) return undefined
      return code.replaceAll('as: "style"', 'as: "template"')
    },
  }
}

/** What Nuxt UI's plugin `colors` writes, for these colours. */
function colourRules(colors: Readonly<Record<string, string>>): string {
  const scale = ([use, name]: [string, string]) =>
    shades.map((shade) => `--ui-color-${use}-${shade}: ${shadeOf(name, shade)};`).join(' ')
  return `@layer theme { :root, :host { ${Object.entries(colors).map(scale).join('\n')} } }`
}

function shadeOf(name: string, shade: number): string {
  const own = `--color-${name}-${shade}`
  const known = shadesOf[name]?.[shade]
  return known === undefined ? `var(${own})` : `var(${own}, ${known})`
}

import type { Builder } from '@grafana/grafana-foundation-sdk/cog'
import * as common from '@grafana/grafana-foundation-sdk/common'
import * as grafana from '@grafana/grafana-foundation-sdk/dashboard'
import { DataqueryBuilder } from '@grafana/grafana-foundation-sdk/prometheus'
import { PanelBuilder as StatBuilder } from '@grafana/grafana-foundation-sdk/stat'
import { PanelBuilder as SeriesBuilder } from '@grafana/grafana-foundation-sdk/timeseries'

/** What is asked of Prometheus, and how each series of the answer is called: `{{label}}` stands for its value. */
export type Query = readonly [expression: string, legend: string]

type Panel = Builder<grafana.Panel>
export type Row = { title: string; panels: readonly Panel[] }
export type Dashboard = grafana.Dashboard

/** Whoever looks chooses which Prometheus: most have one. */
const source = { type: 'prometheus', uid: `\${source}` }
const folderTag = 'octavo'

/** How much that is shown as a time is about: `$__rate_interval` follows how often Prometheus reads. */
export const per = '[$__rate_interval]'

/** Without answers that are open for as long as somebody waits for news. */
export const notWaiting = 'http_route!~".*/events|/internal/instances"'

/** A page of rows. Its id stays the same, so that a new version takes the place of the last. */
export function dashboard(id: string, title: string, description: string, rows: readonly Row[]): Dashboard {
  const board = new grafana.DashboardBuilder(`Octavo: ${title}`)
    .uid(`octavo-${id}`)
    .description(description)
    .tags([folderTag])
    .editable()
    .tooltip(grafana.DashboardCursorSync.Crosshair)
    .refresh('10s')
    .time({ from: 'now-30m', to: 'now' })
    .timezone('browser')
    .withVariable(new grafana.DatasourceVariableBuilder('source').label('Prometheus').type('prometheus'))
    .link(
      new grafana.DashboardLinkBuilder('Octavo')
        .type(grafana.DashboardLinkType.Dashboards)
        .tags([folderTag])
        .asDropdown(true),
    )
    .annotations([
      new grafana.AnnotationQueryBuilder()
        .name('Alerts')
        .datasource(source)
        .enable(true)
        .iconColor('red')
        .expr('ALERTS{alertname=~"Octavo.*",alertstate="firing"}'),
    ])
  for (const { title, panels } of rows) {
    board.withRow(new grafana.RowBuilder(title))
    for (const panel of panels) board.withPanel(panel)
  }
  return board.build()
}

/** How something went over time. @param unit as Grafana calls it: `s`, `reqps`, `short`, `bytes`, `percentunit` */
export function series(title: string, unit: string, queries: readonly Query[], says: string): Panel {
  const panel = new SeriesBuilder()
    .title(title)
    .description(says)
    .unit(unit)
    .min(0)
    .datasource(source)
    .span(8)
    .height(8)
    .lineWidth(2)
    .fillOpacity(8)
    .showPoints(common.VisibilityMode.Never)
    .legend(
      new common.VizLegendOptionsBuilder()
        .displayMode(common.LegendDisplayMode.List)
        .placement(common.LegendPlacement.Bottom)
        .showLegend(true),
    )
    .tooltip(new common.VizTooltipOptionsBuilder().mode(common.TooltipDisplayMode.Multi))
  for (const query of targets(queries)) panel.withTarget(query)
  return panel
}

/** One number, as it stands. @param badFrom from where on it is red; without it there is no bad value */
export function number(
  title: string,
  unit: string,
  expression: string,
  says: string,
  badFrom?: number,
): Panel {
  const steps = [{ value: null, color: badFrom === undefined ? 'text' : 'green' }]
  const panel = new StatBuilder()
    .title(title)
    .description(says)
    .unit(unit)
    .datasource(source)
    .span(4)
    .height(4)
    .colorMode(common.BigValueColorMode.Value)
    .graphMode(common.BigValueGraphMode.Area)
    .reduceOptions(new common.ReduceDataOptionsBuilder().calcs(['lastNotNull']))
    .thresholds(
      new grafana.ThresholdsConfigBuilder()
        .mode(grafana.ThresholdsMode.Absolute)
        .steps(badFrom === undefined ? steps : [...steps, { value: badFrom, color: 'red' }]),
    )
  for (const query of targets([[expression, title]])) panel.withTarget(query)
  return panel
}

function targets(queries: readonly Query[]) {
  const letters = 'ABCDEFGH'
  return queries.map(([expression, legend], i) =>
    new DataqueryBuilder()
      .datasource(source)
      .expr(expression)
      .legendFormat(legend)
      .refId(letters[i] ?? `Q${i}`),
  )
}

/** The time within which a share of what a histogram measured was done. @param by labels that stay apart */
export function quantile(
  share: number,
  histogram: string,
  matching = '',
  by: readonly string[] = [],
): string {
  return `histogram_quantile(${share}, sum by (${['le', ...by].join(', ')}) (rate(${histogram}_bucket${matching}${per})))`
}

/** p50, p95 and p99 of one histogram. */
export function percentiles(histogram: string, matching = ''): Query[] {
  return [
    [quantile(0.5, histogram, matching), 'p50'],
    [quantile(0.95, histogram, matching), 'p95'],
    [quantile(0.99, histogram, matching), 'p99'],
  ]
}

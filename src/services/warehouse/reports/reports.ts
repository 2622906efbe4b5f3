import { moneyReports } from './money-reports.ts'
import type { Report } from './report.ts'
import { salesReports } from './sales-reports.ts'
import { stockReports } from './stock-reports.ts'

/** Every report, in the order in which they are listed. */
export const reports: readonly Report[] = [...moneyReports, ...salesReports, ...stockReports]

export const reportNamed = (name: string): Report | undefined => reports.find((each) => each.name === name)

/** What goes with an order, in the order in which it goes: what refers to something goes before it. */
export const oldTables = ['history', 'vouchers', 'saga_journal', 'sagas', 'listed'] as const
export type OldTable = (typeof oldTables)[number]

/**
 * Days without any change before an order may be put away: one that was redeemed or given back lately may well be asked
 * for again. Whoever follows changes of the tables that sell has followed what is put away, if they were there since.
 */
export const oldRestDays = 30

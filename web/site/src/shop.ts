/** Everything on the website that differs from one shop to the next. Edit, then `npm run build`. */
export const shop = {
  name: 'Octavo',
  description:
    'A bookshop with a counter. Reserve everyday titles and limited editions here, get a voucher, collect your copy.',
  /** Public address such as `https://books.example.org`, for canonical links and link previews; empty leaves them out. */
  address: '',
  language: 'en',
  /** How long a reserved copy waits for its payment; the same as OCTAVO_HOLD_SECONDS, in words. */
  holdTime: 'a quarter of an hour',
  hours: [
    { days: 'Monday', open: '' },
    { days: 'Tuesday to Friday', open: '10:00 – 18:30' },
    { days: 'Saturday', open: '10:00 – 16:00' },
    { days: 'Sunday and holidays', open: '' },
  ],
  /** Where the counter is, one line each. */
  findUs: [
    'The counter is inside the shop, under the sign with the folded sheet.',
    'Your voucher names the book and the order; nothing else is needed to find it on the shelf.',
  ],
  /** A way to ask a question, such as `{ label: 'hello@example.org', href: 'mailto:hello@example.org' }`. */
  contact: undefined as { label: string; href: string } | undefined,
  /** Shelves shown on the home page: `subject` as the catalogue spells it, with a line of our own. */
  shelves: [
    { subject: 'Adventure', line: 'Islands, treasure, and eighty days to get home.' },
    { subject: 'Crime & mystery', line: 'Somebody in this room knows.' },
    { subject: 'Horror & Gothic', line: 'Best after dark, or never.' },
    { subject: 'Science fiction', line: 'Yesterday’s futures, still unsettling.' },
    { subject: 'The sea', line: 'Bring a coat.' },
    { subject: 'Fairy tales & folklore', line: 'Three wishes. Mind the wording.' },
    { subject: 'Poetry', line: 'Short lines, long company.' },
    { subject: 'Philosophy', line: 'Good questions, kept open.' },
    { subject: "Children's books", line: 'For reading aloud, voices included.' },
  ],
}

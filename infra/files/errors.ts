/** More bytes came than `put` was allowed to take; nothing of them is stored. */
export class FileTooLarge extends Error {
  constructor(readonly sizeBytesMax: number) {
    super(`the file is larger than ${sizeBytesMax} bytes`);
    this.name = 'FileTooLarge';
  }
}

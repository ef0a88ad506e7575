/** More bytes came than `put` was allowed to take; nothing of them is stored. */
export class FileTooLarge extends Error {
  constructor(readonly sizeBytesMax: number) {
    super(`the file is larger than ${sizeBytesMax} bytes`);
    this.name = 'FileTooLarge';
  }
}

/** What is stored is not what was written, or is under a data key that is not there. */
export class FileDamaged extends Error {
  constructor(fileId: string, cause?: unknown) {
    super(`the stored bytes of ${fileId} are damaged`, { cause });
    this.name = 'FileDamaged';
  }
}

/** A file was there when its reading began, and is no longer: deleted, or its owner erased. */
export class FileGone extends Error {
  constructor(fileId: string) {
    super(`${fileId} was removed while it was read`);
    this.name = 'FileGone';
  }
}

/** The organization that a file would belong to was erased: nothing of it is kept. */
export class OwnerErased extends Error {
  constructor(organizationId: string) {
    super(`${organizationId} was erased`);
    this.name = 'OwnerErased';
  }
}

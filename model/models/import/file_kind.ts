/** What a file is that is none of PyTorch's: downloads are often something else than they are named. */

/** A character a byte. */
const text = (bytes: Uint8Array, from: number, to: number) => String.fromCharCode(...bytes.subarray(from, to));

/** What a file is, and what to do about it; undefined where that is not known. */
export function otherKind(bytes: Uint8Array): string | undefined {
  const head = text(bytes, 0, 512);
  if (head.startsWith("\x1f\x8b")) {
    return "a gzip archive, such as a .tar.gz: unpack it, and give the file in it";
  }
  if (text(bytes, 257, 262) === "ustar") return "a tar archive: unpack it, and give the file in it";
  if (/^(\xef\xbb\xbf)?\s*<(!doctype\s+html|html|head|body|\?xml)/i.test(head)) {
    return "a web page, not the file that was to be downloaded: sites that ask for a confirmation send one; download it in a browser";
  }
  if (head.startsWith("version https://git-lfs.github.com/")) {
    return "a pointer of Git LFS, not the file itself: git lfs pull fetches it";
  }
  if (head.startsWith("\x93NUMPY")) return "an array of NumPy; GeoLDM's and EDM's .npy are files of torch.save";
  if (head.startsWith("7z\xbc\xaf\x27\x1c") || head.startsWith("Rar!")) {
    return "a packed archive: unpack it, and give the file in it";
  }
}

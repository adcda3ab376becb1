import Foundation

#if canImport(Glibc)
    import Glibc
#else
    import Darwin
#endif

/// Appends lines to one file such that each is there once and whole, durable when `append` returns.
struct CSVAppend {
    let folder: String
    let name: String

    /// The file's size now; 0 when it is not there.
    func size() throws(CSVError) -> Int64 {
        var status = stat()
        guard stat(folder + "/" + name, &status) == 0 else {
            if errno == ENOENT { return 0 }
            throw CSVError(path: folder + "/" + name, errno)
        }
        return Int64(status.st_size)
    }

    /// - Parameters:
    ///   - lines: whole lines, each with its line feed.
    ///   - header: first line of a new file.
    ///   - recorded: size when the last bookmark was set; 0 for a file that was not there.
    ///   - compare: whether some of `lines` may be in the file already, behind `recorded`.
    /// - Returns: the file's size afterwards.
    func append(_ lines: [UInt8], header: [UInt8], recorded: Int64, compare: Bool) throws(CSVError) -> Int64 {
        let path = folder + "/" + name
        do {
            try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        } catch {
            throw CSVError(path: folder, problem: "the folder cannot be made (\(error.localizedDescription))")
        }
        let descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0o640)
        guard descriptor >= 0 else { throw CSVError(path: path, errno) }
        defer { close(descriptor) }

        let size = lseek(descriptor, 0, SEEK_END)
        guard size >= 0 else { throw CSVError(path: path, errno) }
        let missing = try missing(
            lines, header: header, recorded: recorded, size: Int64(size), compare: compare, descriptor, path)
        try write(missing, descriptor, path)
        guard fsync(descriptor) == 0 else { throw CSVError(path: path, errno) }
        if size == 0 || recorded == 0 { try syncFolder() }
        return Int64(size) + Int64(missing.count)
    }

    /// What is to be appended: all of it; or after a crash what is not there yet; on a fresh line if somebody left the
    /// last one open.
    private func missing(
        _ lines: [UInt8], header: [UInt8], recorded: Int64, size: Int64, compare: Bool, _ descriptor: Int32,
        _ path: String
    ) throws(CSVError) -> [UInt8] {
        guard size > 0 else { return header + lines }
        let expected = recorded == 0 ? header + lines : lines
        if compare, size > recorded {
            let surplus = try read(min(Int(size - recorded), expected.count), at: recorded, descriptor, path)
            let common = zip(surplus, expected).prefix { $0 == $1 }.count
            if common == surplus.count {
                // All that is there is ours; a torn line is completed by what follows. If more follows in the file
                // than we wrote, all is there.
                return Array(expected.dropFirst(common))
            }
            // Somebody wrote behind our whole lines: what is left goes to the end.
            let whole = expected.prefix(common).lastIndex(of: lineFeed).map { $0 + 1 } ?? 0
            let rest = recorded > 0 || whole > 0 ? Array(expected.dropFirst(whole)) : lines
            return try onFreshLine(rest, size, descriptor, path)
        }
        return try onFreshLine(lines, size, descriptor, path)
    }

    private var lineFeed: UInt8 { UInt8(ascii: "\n") }

    private func onFreshLine(
        _ lines: [UInt8], _ size: Int64, _ descriptor: Int32, _ path: String
    ) throws(CSVError) -> [UInt8] {
        guard !lines.isEmpty else { return [] }
        return try read(1, at: size - 1, descriptor, path).last == lineFeed ? lines : [lineFeed] + lines
    }

    private func read(
        _ count: Int, at offset: Int64, _ descriptor: Int32, _ path: String
    ) throws(CSVError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var done = 0
        while done < count {
            let (position, length) = (off_t(offset) + off_t(done), count - done)
            let got = bytes.withUnsafeMutableBytes {
                pread(descriptor, $0.baseAddress! + done, length, position)
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw CSVError(path: path, errno) }
            if got == 0 { break }
            done += got
        }
        return Array(bytes.prefix(done))
    }

    private func write(_ bytes: [UInt8], _ descriptor: Int32, _ path: String) throws(CSVError) {
        var done = 0
        while done < bytes.count {
            let put = bytes.withUnsafeBytes { bytes in
                #if canImport(Glibc)
                    Glibc.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
                #else
                    Darwin.write(descriptor, bytes.baseAddress! + done, bytes.count - done)
                #endif
            }
            if put < 0, errno == EINTR { continue }
            guard put >= 0 else { throw CSVError(path: path, errno) }
            done += put
        }
    }

    /// A new file's name is durable only with its folder.
    private func syncFolder() throws(CSVError) {
        let descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { throw CSVError(path: folder, errno) }
        defer { close(descriptor) }
        // Some network file systems cannot sync a folder and say so; their own rules hold then.
        guard fsync(descriptor) == 0 || errno == EINVAL else { throw CSVError(path: folder, errno) }
    }
}

/// Why a CSV file cannot be written. An operator reads it.
struct CSVError: LocalizedError, Hashable {
    let path: String
    let problem: String

    init(path: String, problem: String) {
        self.path = path
        self.problem = problem
    }

    init(path: String, _ number: Int32) {
        let words = String(cString: strerror(number))
        self.init(path: path, problem: "\(words)")
    }

    var errorDescription: String? {
        "\(path): \(problem). Make room or give the service write access; the lines wait in the journal"
    }
}

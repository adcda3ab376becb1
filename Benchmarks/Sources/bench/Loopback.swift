import Foundation

/// As much of sockets as the runner needs: a port nobody uses, and a question by HTTP.
enum Loopback {
    static func freePort() throws -> Int {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(fd) }
        var address = self.address(port: 0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let result = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(fd, $0, length) == 0 ? getsockname(fd, $0, &length) : -1
            }
        }
        guard result == 0 else { throw BenchError("no free port") }
        return Int(UInt16(bigEndian: address.sin_port))
    }

    /// Status and body, or nil when nobody listens or no whole answer comes within 2 s.
    static func get(port: Int, path: String) -> (status: Int, body: String)? {
        ask(port: port, path: path).map { ($0.status, $0.body) }
    }

    struct Answer {
        var status: Int
        /// Status line and headers.
        var head: String
        var body: String
    }

    /// A POST where there is a form. Nil when nobody listens or no whole answer comes within 2 s.
    static func ask(port: Int, path: String, cookie: String? = nil, form: String? = nil) -> Answer? {
        let fd = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        guard fd >= 0 else { return nil }
        defer { close(fd) }
        var limit = timeval(tv_sec: 2, tv_usec: 0)
        setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, socklen_t(MemoryLayout<timeval>.size))
        var address = self.address(port: port)
        let connected = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(fd, $0, socklen_t(MemoryLayout<sockaddr_in>.size))
            }
        }
        guard connected == 0 else { return nil }
        var request = "\(form == nil ? "GET" : "POST") \(path) HTTP/1.1\r\nHost: 127.0.0.1:\(port)\r\n"
        request += "Connection: close\r\n"
        if let cookie { request += "Cookie: \(cookie)\r\n" }
        if let form {
            request += "Content-Type: application/x-www-form-urlencoded\r\n"
            request += "Content-Length: \(form.utf8.count)\r\n"
        }
        request += "\r\n" + (form ?? "")
        guard send(fd, request, request.utf8.count, Int32(MSG_NOSIGNAL)) > 0 else { return nil }
        var answer = [UInt8]()
        var buffer = [UInt8](repeating: 0, count: 64 << 10)
        while true {
            let count = recv(fd, &buffer, buffer.count, 0)
            guard count > 0 else { break }
            answer += buffer[..<count]
            if let whole = parse(String(decoding: answer, as: UTF8.self), isAll: false) { return whole }
        }
        // Without a length the answer ends with the connection.
        return parse(String(decoding: answer, as: UTF8.self), isAll: true)
    }

    private static func parse(_ text: String, isAll: Bool) -> Answer? {
        guard let end = text.range(of: "\r\n\r\n") else { return nil }
        let head = String(text[..<end.lowerBound])
        let lines = head.components(separatedBy: "\r\n")
        let words = lines[0].split(separator: " ")
        guard words.count > 1, let status = Int(words[1]) else { return nil }
        let body = text[end.upperBound...]
        for line in lines where line.lowercased().hasPrefix("content-length:") {
            let length = Int(line.dropFirst(15).trimmingCharacters(in: .whitespaces)) ?? 0
            return body.utf8.count >= length ? Answer(status: status, head: head, body: String(body)) : nil
        }
        return isAll ? Answer(status: status, head: head, body: String(body)) : nil
    }

    private static func address(port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }
}

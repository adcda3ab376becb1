import Foundation

/// The figures about the process itself that Prometheus' own client libraries give, under the same names.
///
/// Source: proc(5). What cannot be read is left out.
package enum ProcessFigures {
    /// For `PrometheusMetrics.addComputed`.
    package static func families() -> [MetricFamily] {
        var families: [MetricFamily] = []
        func add(_ name: String, _ help: String, _ value: Double?, kind: MetricFamily.Kind = .gauge) {
            if let value { families.append(MetricFamily(name, kind, help: help, value: value)) }
        }
        let ticks = Double(max(1, sysconf(Int32(_SC_CLK_TCK))))
        let pageBytes = Double(max(1, sysconf(Int32(_SC_PAGESIZE))))
        // Fields behind the name in parentheses, which may hold blanks itself: the first one is field 3.
        let fields = text("/proc/self/stat")?.split(separator: ")").last?.split(separator: " ") ?? []
        func field(_ number: Int) -> Double? { fields.count > number - 3 ? Double(fields[number - 3]) : nil }

        if let user = field(14), let system = field(15) {
            add(
                "process_cpu_seconds_total", "Processor time used, user and system.",
                (user + system) / ticks, kind: .counter)
        }
        add("process_threads", "Threads of the process.", field(20))
        add("process_virtual_memory_bytes", "Virtual memory.", field(23))
        add("process_resident_memory_bytes", "Resident memory.", field(24).map { $0 * pageBytes })
        if let boot = bootTime, let start = field(22) {
            add(
                "process_start_time_seconds", "When the process started, in seconds since 1970 UTC.",
                boot + start / ticks)
        }
        add("process_open_fds", "Open file descriptors.", openDescriptors())
        var limit = rlimit()
        if getrlimit(__rlimit_resource_t(RLIMIT_NOFILE.rawValue), &limit) == 0 {
            add("process_max_fds", "Most file descriptors that may be open.", Double(limit.rlim_cur))
        }
        return families
    }

    private static let bootTime: Double? = text("/proc/stat")?
        .split(separator: "\n").first { $0.hasPrefix("btime ") }
        .flatMap { Double($0.dropFirst(6)) }

    private static func openDescriptors() -> Double? {
        guard let folder = opendir("/proc/self/fd") else { return nil }
        defer { closedir(folder) }
        // Not counted: ".", ".." and the descriptor that reads the folder.
        var count = -3.0
        while readdir(folder) != nil { count += 1 }
        return count
    }

    private static func text(_ path: String) -> String? {
        // Nil where there is no /proc: the figure is left out.
        guard let data = try? FileHandle(forReadingFrom: URL(filePath: path)).readToEnd() else { return nil }
        return String(decoding: data, as: UTF8.self)
    }
}

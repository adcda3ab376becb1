import Synchronization

/// The program's version, in one place, and what is known of this build.
package enum Version {
    /// Semantic version (semver.org).
    package static let current = "0.1.0"

    /// Short hash of the commit, with `-modified` behind it where files differed from it; `unknown` where the program
    /// was not built from a repository. Told by the program's `main.swift`, which alone is built anew for each commit.
    package static var commit: String {
        get { told.withLock { $0 } }
        set { told.withLock { $0 = newValue } }
    }
    private static let told = Mutex("unknown")

    /// What the compiler knows of itself.
    package static var build: Build {
        #if DEBUG
            let mode = "debug"
        #else
            let mode = "release"
        #endif
        #if arch(x86_64)
            let architecture = "x86_64"
        #elseif arch(arm64)
            let architecture = "aarch64"
        #else
            let architecture = "unknown"
        #endif
        #if os(Linux)
            let system = "linux"
        #elseif os(macOS)
            let system = "macos"
        #else
            let system = "unknown"
        #endif
        #if compiler(>=6.4)
            let swift = "6.4 or later"
        #elseif compiler(>=6.3)
            let swift = "6.3"
        #else
            let swift = "6.2"
        #endif
        return Build(
            version: current, commit: commit, mode: mode, swift: swift, architecture: architecture,
            system: system)
    }

    package struct Build: Encodable, Hashable, Sendable {
        package var version: String
        package var commit: String
        /// `debug` or `release`.
        package var mode: String
        /// Of the compiler.
        package var swift: String
        package var architecture: String
        package var system: String

        /// One line: `attendance-gateway 0.1.0 (commit 0123456789ab, release, Swift 6.3, x86_64-linux)`.
        package var line: String {
            "attendance-gateway \(version) (commit \(commit), \(mode), Swift \(swift), \(architecture)-\(system))"
        }
    }
}

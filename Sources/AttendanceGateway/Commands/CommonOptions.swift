import ArgumentParser
import AsyncHTTPClient
import AttendanceCore
import AttendanceStore
import AttendanceWeb
import Foundation
import Logging
import NIOCore
import NIOFoundationCompat

/// What every command that looks at an installation needs: its settings, and by them its journal.
struct CommonOptions: ParsableArguments {
    @OptionGroup var source: SettingsOptions

    /// Ends the process with EX_CONFIG and every mistake where there is one.
    func settings() -> Settings {
        let loaded = source.loader.load()
        guard let settings = loaded.settings else {
            Screen.fail(
                (["the settings have mistakes:"] + loaded.mistakes.map(\.description)).joined(
                    separator: "\n"),
                code: CheckConfig.configurationError)
        }
        return settings
    }

    /// For looking, beside a running gateway or without one.
    func openJournal() throws -> SQLiteReader { try Self.journal(of: settings()) }

    static func journal(of settings: Settings) throws -> SQLiteReader {
        do {
            return try SQLiteReader(folder: settings.store.directory)
        } catch let error as StoreError {
            Screen.fail(error.localizedDescription, code: noInput)
        }
    }

    /// EX_NOINPUT and EX_UNAVAILABLE of sysexits.h.
    static let noInput: Int32 = 66
    static let unavailable: Int32 = 69
}

/// Changing something in a journal: through the running gateway, which alone may write; without one, by taking its
/// place for the moment.
struct JournalChange {
    let settings: Settings

    /// Posts `order` to `path` of the running gateway; with none running, does `directly` what the gateway would do.
    func run<Answer: Decodable>(
        path: String, order: some Encodable, directly: (SQLiteStore) async throws -> Answer
    ) async throws -> Answer {
        let store: SQLiteStore
        do {
            var logger = Logger(label: "attendance-gateway")
            logger.logLevel = .critical
            store = try SQLiteStore(
                folder: settings.store.directory, options: StoreOptions(now: Gateway.Surroundings.systemTime),
                logger: logger)
        } catch StoreError.locked {
            return try await ask(path, order)
        } catch let error as StoreError {
            Screen.fail(error.localizedDescription, code: CommonOptions.unavailable)
        }
        do {
            let answer = try await directly(store)
            await store.close()
            return answer
        } catch {
            await store.close()
            throw error
        }
    }

    private func ask<Answer: Decodable>(_ path: String, _ order: some Encodable) async throws -> Answer {
        let socket = settings.admin.socketPath
        guard let url = URL(httpURLWithSocketPath: socket, uri: path) else {
            Screen.fail("the socket path \(socket) cannot be used", code: CheckConfig.configurationError)
        }
        var request = HTTPClientRequest(url: url.absoluteString)
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.body = .bytes(ByteBuffer(bytes: try JSONAnswer.encode(order)))
        let answer: HTTPClientResponse
        let body: ByteBuffer
        do {
            answer = try await HTTPClient.shared.execute(request, timeout: .minutes(10))
            // One person's data may hold photos.
            body = try await answer.body.collect(upTo: 32 << 20)
        } catch {
            Screen.fail(
                "a gateway is running, but it does not answer on \(socket) (\(error)). Run this as the user it runs as",
                code: CommonOptions.unavailable)
        }
        guard answer.status == .ok else {
            // Where another program answers on the socket it is not JSON, and told as it is.
            let problem = try? JSONAnswer.decode([String: String].self, from: Data(buffer: body))
            Screen.fail("the gateway refused: \(problem?["error"] ?? String(buffer: body))", code: 1)
        }
        return try JSONAnswer.decode(Answer.self, from: Data(buffer: body))
    }
}

extension Author {
    /// Whoever runs this command: the user behind sudo where there is one.
    static var atCommandLine: Author {
        let environment = ProcessInfo.processInfo.environment
        let user = environment["SUDO_USER"] ?? NSUserName()
        return Author("\(user) (command line)")
    }
}

import AttendanceCore
import Hummingbird
import Logging
import NIOCore

/// What is known of somebody who asks for a page or calls the API.
package struct ConsoleContext: RequestContext, RemoteAddressRequestContext {
    package var coreContext: CoreRequestContextStorage
    package let remoteAddress: SocketAddress?
    /// Nil for somebody who has not signed in.
    package var principal: Principal?
    package var language = Language.english
    /// Proves that a form came from a page of ours. Of the session; before there is one, of the browser.
    package var formToken = ""

    package init(source: ApplicationRequestContextSource) {
        coreContext = .init(source: source)
        remoteAddress = source.channel.remoteAddress
    }

    /// A form or an order; what carries files says so itself.
    package var maxUploadSize: Int { 64 << 10 }

    package var address: String { remoteAddress?.ipAddress ?? "local" }
}

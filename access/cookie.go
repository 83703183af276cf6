package access

import (
	"net/http"
	"time"

	"stylesprint"
)

// The session's cookie. Over TLS its name forces a browser to send it back over TLS alone,
// and to the host that set it.
const (
	plainCookie  = "stylesprint-session"
	secureCookie = "__Host-" + plainCookie
)

func cookieName(secure bool) string {
	if secure {
		return secureCookie
	}
	return plainCookie
}

// CookieOf reads the session's secret out of a request. secure says that browsers reach the
// server over TLS.
func CookieOf(r *http.Request, secure bool) stylesprint.Secret {
	c, err := r.Cookie(cookieName(secure))
	if err != nil {
		return stylesprint.Secret{}
	}
	return stylesprint.NewSecret(c.Value)
}

// SetCookie gives a browser the session's secret, for at most life; an empty secret takes it
// back.
func SetCookie(w http.ResponseWriter, secret stylesprint.Secret, secure bool, life time.Duration) {
	age := int(life / time.Second)
	if secret.Empty() {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{
		Name: cookieName(secure), Value: secret.Reveal(), Path: "/", MaxAge: age,
		Secure: secure, HttpOnly: true, SameSite: http.SameSiteLaxMode,
	})
}
